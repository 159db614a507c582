-- The moment that every statement takes for now.
select {now}
