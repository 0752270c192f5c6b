-- Everything that is registered at one moment, with the place in the stream to go on from.
-- ARGV: 2 last stream id that the caller has followed ('' = none), 3… services (none = all of them)
-- Returns {epoch, revision, last stream id, now (ms, text), live gateways,
--          {member, value, lease lapses at (ms, text), status, …},
--          {service known, an instance last went at (ms, text), …}, {member removed on purpose, …},
--          {member on probation, registered or not, …}, {member that has lapsed since that id, …}}
local known_to = ARGV[2]
-- An empty data set gets its epoch here, if it can be written, so that a later loss can be noticed.
if epoch() == '' then redis.pcall('HSETNX', META, 'epoch', ARGV[1]) end
local last = redis.call('XREVRANGE', EVENTS, '+', '-', 'COUNT', 1)
local members = #ARGV < 3 and redis.call('ZRANGE', INDEX, 0, -1) or {}
for i = 3, #ARGV do
  -- '0' is the character after '/'.
  local range = redis.call('ZRANGEBYLEX', INDEX, '[' .. ARGV[i] .. '/', '(' .. ARGV[i] .. '0')
  for _, member in ipairs(range) do members[#members + 1] = member end
end
-- In batches that fit Lua's stack of arguments with room to spare.
local AT_A_TIME = 1000
local instances = {}
for first = 1, #members, AT_A_TIME do
  local last_one = math.min(first + AT_A_TIME - 1, #members)
  local values = redis.call('HMGET', INSTANCES, unpack(members, first, last_one))
  local statuses = redis.call('HMGET', STATUS, unpack(members, first, last_one))
  for i = first, last_one do
    instances[#instances + 1] = members[i]
    instances[#instances + 1] = values[i - first + 1] or ''
    instances[#instances + 1] = redis.call('ZSCORE', LEASES, members[i]) or '0'
    instances[#instances + 1] = statuses[i - first + 1] or 'starting'
  end
end
local lapsed = {}
-- No id can follow the greatest one, and asking for it is an error.
for _, entry in ipairs(known_to ~= '' and redis.pcall('XREVRANGE', EVENTS, '+', '(' .. known_to) or {}) do
  local said = {}
  for i = 1, #entry[2], 2 do said[entry[2][i]] = entry[2][i + 1] end
  if said.kind == 'expired' then lapsed[#lapsed + 1] = said.member end
end
return {
  epoch(), revision(), last[1] and last[1][1] or '0-0', integer(now),
  redis.call('ZCOUNT', GATEWAYS, '(' .. integer(now), '+inf'),
  instances,
  redis.call('ZRANGE', KNOWN, 0, -1, 'WITHSCORES'),
  redis.call('ZRANGE', REMOVED, 0, -1),
  redis.call('ZRANGE', PROBATION, 0, -1),
  lapsed,
}
