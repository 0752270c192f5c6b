-- What has changed since a revision, in the order of the changes. It writes nothing.
-- ARGV: 2 the epoch that the caller knows, 3 its revision (0: everything is wanted), 4 the id that changed
--       at that revision, 5 most ids, 1000 at most, as Lua's stack has no room for many more
-- Returns {epoch, rev, 1, {{id, record, digests, when each ends in ms or -, rev, last use in s}, …}};
--         {epoch, rev, 0, {}} if the data is not the one that the caller knows
local known, since, last, most = ARGV[2], tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])
local rev = revision()
if since > 0 then
  local same = known == epoch() and rev >= since
    and (tonumber(redis.call('ZSCORE', CHANGES, last) or '') or 0) >= since
  if not same then return {epoch(), integer(rev), 0, {}} end
  if rev == since then return {epoch(), integer(rev), 1, {}} end
end
local ids, revs = {}, {}
local found = redis.call('ZRANGEBYSCORE', CHANGES, '(' .. integer(since), '+inf',
  'WITHSCORES', 'LIMIT', 0, most)
for i = 1, #found, 2 do ids[#ids + 1], revs[#revs + 1] = found[i], found[i + 1] end
local rows = {}
if #ids > 0 then
  local records = redis.call('HMGET', RECORDS, unpack(ids))
  local digests = redis.call('HMGET', DIGESTS, unpack(ids))
  local used = redis.call('HMGET', USED, unpack(ids))
  for i, id in ipairs(ids) do
    local ends = {}
    for digest in string.gmatch(digests[i] or '', '%S+') do
      local at_ms = redis.call('ZSCORE', ENDS, digest)
      ends[#ends + 1] = at_ms and integer(tonumber(at_ms)) or '-'
    end
    rows[i] = {id, records[i] or '', digests[i] or '', table.concat(ends, ' '), revs[i], used[i] or ''}
  end
end
return {epoch(), integer(rev), 1, rows}
