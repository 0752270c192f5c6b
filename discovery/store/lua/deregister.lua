-- Take an instance out on purpose, even one that the registry has lost.
-- ARGV: 2 member
-- Returns {known (1 or 0), epoch, revision}
local member = ARGV[2]
if redis.call('HEXISTS', INSTANCES, member) == 0 then
  take_out_unknown(member)
  return {0, epoch(), revision()}
end
forget(member)
redis.call('ZADD', REMOVED, integer(now), member)
local rev = emit('deregistered', member)
return {1, epoch(), rev}
