-- How far a drain has come, by the reports of the living workers.
-- ARGV: 2 member
-- Returns {draining (1 or 0), live workers, those that have not acknowledged, requests in flight}
local member = ARGV[2]
local _, _, state = read(member)
local workers = redis.call('ZRANGEBYSCORE', WORKERS, '(' .. integer(now), '+inf')
local missing, in_flight = 0, 0
for _, worker in ipairs(workers) do
  local said = number(redis.call('HGET', ACKS, worker .. '|' .. member)) or -1
  if said ~= 0 then missing = missing + 1 end
  if said > 0 then in_flight = in_flight + said end
end
return {state == 'draining' and 1 or 0, #workers, missing, in_flight}
