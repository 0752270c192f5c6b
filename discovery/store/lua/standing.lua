-- What the registry says of one instance, for its owner. Changes nothing.
-- ARGV: 2 member
-- Returns {state, last evidence against it ('' = none), living gateways,
--          where clients reach a living gateway that says so ('' = not known)}
--   state: starting, healthy, unhealthy or draining; when it is not registered: removed (for ill
--   health), deregistered (on purpose), or '' where its lease has lapsed or the data were lost
local member = ARGV[2]
local _, _, state = read(member)
local status = status_of(member)
local gateways = redis.call('ZRANGEBYSCORE', GATEWAYS, '(' .. integer(now), '+inf')
table.sort(gateways)  -- as they come, the last one to renew its lease would have the last word
local evidence, url = '', ''
for _, gateway in ipairs(gateways) do
  local its_url = redis.call('HGET', META, 'url ' .. gateway) or ''
  local agrees = redis.call('HGET', VERDICTS, gateway .. '|' .. member) == status
  -- While other gateways have no verdict, the one that has failed it is the only one that knows.
  if agrees or status == 'starting' then
    local seen = redis.call('HGET', META, 'why ' .. gateway .. '|' .. member) or ''
    if seen ~= '' then evidence = seen end
  end
  if its_url ~= '' and (agrees or url == '') then url = its_url end
end
if state == 'draining' then
  status = 'draining'
elseif not state then
  local removed = number(redis.call('ZSCORE', REMOVED, member))
  local for_ill_health = number(redis.call('ZSCORE', PROBATION, member))
  if for_ill_health and removed and for_ill_health >= removed then status = 'removed'
  elseif removed then status = 'deregistered'
  else status = '' end
end
return {status, evidence, #gateways, url}
