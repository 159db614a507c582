-- Fails where the transaction in which rows were taken has ended, so that what follows in the message is not done.
select {schema}.fence_rows(CAST(:transaction AS bigint))
