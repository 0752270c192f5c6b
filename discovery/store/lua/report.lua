-- Take in a gateway's verdicts on instances, and renew its lease. Evidence for an unchanged verdict is
-- stored for the instance's owner, without an event.
-- ARGV: 2 gateway, 3 its lease in ms, then for each instance: member, verdict, evidence
-- Returns {revision, 1 when this gateway's lease was new, else 0: its earlier verdicts may be gone}
local gateway, lease_ms = ARGV[2], ARGV[3]
local new_lease = take_lease(gateway, lease_ms)
for i = 4, #ARGV, 3 do
  local member, verdict, evidence = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  if redis.call('HEXISTS', INSTANCES, member) == 1 then
    redis.call('HSET', VERDICTS, gateway .. '|' .. member, verdict)
    -- On probation its status stays starting, but the evidence against it is kept.
    if verdict ~= 'healthy' and evidence ~= '' then
      redis.call('HSET', META, 'why ' .. gateway .. '|' .. member, evidence)
    else
      redis.call('HDEL', META, 'why ' .. gateway .. '|' .. member)
    end
    refresh(member, evidence)
  end
end
return {revision(), new_lease}
