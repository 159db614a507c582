-- What an atomic task comes to: the handler's UPDATE and the end of its job, in one transaction.
\set n :n + 1
\set job :client_id * 1000000 + :n
\set stock random(1, 1000)
begin;
update stock set quantity = quantity - 1 where id = :stock;
delete from bench_job where id = :job;
commit;
