-- What registered workers declare of these schedules. Takes no lock.
select distinct name, fingerprint
from {schedule_declaration}
where name in (select value from {names})
