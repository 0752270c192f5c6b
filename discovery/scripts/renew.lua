-- Renew the leases of instances: a heartbeat. No change of state, so no event.
-- ARGV: 2… members
-- Returns for each 1, or 0 when it is not registered
local known = {}
for i = 2, #ARGV do
  local _, ttl_ms = read(ARGV[i])
  if ttl_ms then
    redis.call('ZADD', LEASES, integer(now + ttl_ms), ARGV[i])
    known[#known + 1] = 1
  else
    known[#known + 1] = 0
  end
end
return known
