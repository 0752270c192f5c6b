-- Renew the leases of instances (heartbeats). No state changes, so there is no event.
-- ARGV: 2… members
-- Returns for each its state (starting, healthy, unhealthy, draining), '' when it is not registered
local states = {}
for i = 2, #ARGV do
  local _, ttl_ms, state = read(ARGV[i])
  if ttl_ms then
    redis.call('ZADD', LEASES, integer(now + ttl_ms), ARGV[i])
    states[i - 1] = state == 'draining' and state or status_of(ARGV[i])
  else
    states[i - 1] = ''
  end
end
return states
