-- How large the queue and what it keeps are, and how many dead rows await the vacuum.
select pg_total_relation_size('packhorse.job'), pg_total_relation_size('packhorse.finished'),
    (select n_dead_tup from pg_stat_user_tables where relid = 'packhorse.job'::regclass),
    pg_current_wal_lsn() - '0/0'
