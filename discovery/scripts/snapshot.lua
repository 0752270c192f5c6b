-- Everything that is registered, at one moment, with the place in the stream from which to go on.
-- ARGV: 2 service ('' = all of them)
-- Returns {epoch, revision, last stream id, now (ms, text), live gateways,
--          {member, value, lease lapses at (ms, text), status, …},
--          {service known, an instance last went at (ms, text), …}, {member removed on purpose, …}}
local service = ARGV[2]
-- An empty data set gets its epoch here, where that can be written, so that its loss can be told.
if epoch() == '' then redis.pcall('HSETNX', META, 'epoch', ARGV[1]) end
local last = redis.call('XREVRANGE', EVENTS, '+', '-', 'COUNT', 1)
local members
if service == '' then
  members = redis.call('ZRANGE', INDEX, 0, -1)
else
  -- '0' is the character after '/'.
  members = redis.call('ZRANGEBYLEX', INDEX, '[' .. service .. '/', '(' .. service .. '0')
end
local instances = {}
for _, member in ipairs(members) do
  instances[#instances + 1] = member
  instances[#instances + 1] = redis.call('HGET', INSTANCES, member) or ''
  instances[#instances + 1] = redis.call('ZSCORE', LEASES, member) or '0'
  instances[#instances + 1] = redis.call('HGET', STATUS, member) or 'starting'
end
return {
  epoch(), revision(), last[1] and last[1][1] or '0-0', integer(now),
  redis.call('ZCOUNT', GATEWAYS, '(' .. integer(now), '+inf'),
  instances,
  redis.call('ZRANGE', KNOWN, 0, -1, 'WITHSCORES'),
  redis.call('ZRANGE', REMOVED, 0, -1),
}
