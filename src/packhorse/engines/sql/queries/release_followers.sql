-- Lets those fresh followers go on of which every job that they wait for has ended as it must; one that is no longer
-- recorded anywhere was kept for as long as its queue says, and counts as succeeded. One that waits for nothing is not
-- complete: on a connection that commits each statement by itself it is seen before what it waits for.
update {job}
set gate = case when serial_key is not null then 'serial' when group_key is not null then 'group' end,
    waits_for = case when serial_key is not null then 'serial' when group_key is not null then 'group' end,
    state = case when serial_key is not null or group_key is not null then 'blocked'
        when scheduled_at > {now} then 'scheduled' else 'available' end
where id {any_of}
    select follower.id from {job} as follower
    where follower.id in (
        select job_id from {arrival} where gate = 'jobs' order by job_id limit CAST(:limit AS bigint)
    )
      and follower.waits_for = 'jobs' and follower.gate = 'jobs'
      and exists (select 1 from {dependency} as needed where needed.job_id = follower.id)
      and not exists (
          select 1 from {dependency} as needed
          where needed.job_id = follower.id and (
              exists (select 1 from {job} as target where target.id = needed.on_id)
              or needed.needs = 'success' and exists (
                  select 1 from {finished} as target where target.id = needed.on_id and target.state <> 'succeeded'
              )
          )
      )
    order by follower.id
    limit CAST(:limit AS bigint)
    {skip_locked}
))
returning id
