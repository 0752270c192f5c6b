-- Stop new requests to an instance; only a new registration ends that. An instance that the registry
-- has lost is taken out, since it has no state here.
-- ARGV: 2 member
-- Returns {known (1 or 0), epoch, revision}
local member = ARGV[2]
local registered_at, ttl_ms, state, record = read(member)
if not registered_at then
  take_out_unknown(member)
  return {0, epoch(), revision()}
end
if state == 'draining' then return {1, epoch(), revision()} end
redis.call('HSET', INSTANCES, member, registered_at .. ' ' .. ttl_ms .. ' draining ' .. record)
local rev = emit('draining', member)
return {1, epoch(), rev}
