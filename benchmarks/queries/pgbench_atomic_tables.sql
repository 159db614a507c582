-- What the tasks count down, and the rows of a queue table with an id for each client and each of its transactions.
create table stock (id integer primary key, quantity bigint not null);
insert into stock (id, quantity) select id, 0 from generate_series(1, 1000) as id;
create table bench_job (id bigint primary key, args text not null);
insert into bench_job (id, args)
select client * 1000000 + number, '[1, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"]'
from generate_series(0, %(clients)s - 1) as client, generate_series(1, %(each)s) as number
