-- What our atomic tasks count down.
create table stock (id integer primary key, quantity bigint not null);
insert into stock (id, quantity) select id, 0 from generate_series(1, 1000) as id
