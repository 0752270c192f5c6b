-- Register an instance, or replace it; its lease begins anew, and a drain ends.
-- ARGV: 2 member, 3 ttl in ms, 4 record (JSON)
-- Returns {created (1, 0 when it was there), epoch, revision, registered at (ms, text),
--          lease lapses at (ms, text)}
local member, ttl_ms, record = ARGV[2], ARGV[3], ARGV[4]
local there = redis.call('HEXISTS', INSTANCES, member)
redis.call('HSET', INSTANCES, member, integer(now) .. ' ' .. ttl_ms .. ' active ' .. record)
redis.call('ZADD', INDEX, 0, member)
redis.call('ZADD', LEASES, integer(now + ttl_ms), member)
redis.call('ZREM', REMOVED, member)
forget_drain(member)
local rev = emit('registered', member, 'registered_at', integer(now), 'ttl', ttl_ms, 'record', record)
return {1 - there, epoch(), rev, integer(now), integer(now + ttl_ms)}
