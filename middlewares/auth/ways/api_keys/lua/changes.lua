-- What has changed since a revision, in the order of the changes. It writes nothing.
-- ARGV: 2 the epoch that the caller knows, 3 its revision (0: everything is wanted), 4 the id that changed
--       at that revision, 5 most ids
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
local rows = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', CHANGES, '(' .. integer(since), '+inf', 'LIMIT', 0, most)) do
  local ends = {}
  for _, digest in ipairs(digests_of(id)) do
    local at_ms = tonumber(redis.call('ZSCORE', ENDS, digest) or '')
    ends[#ends + 1] = at_ms and integer(at_ms) or '-'
  end
  rows[#rows + 1] = {
    id, redis.call('HGET', RECORDS, id) or '', redis.call('HGET', DIGESTS, id) or '',
    table.concat(ends, ' '), redis.call('ZSCORE', CHANGES, id), redis.call('HGET', USED, id) or '',
  }
end
return {epoch(), integer(rev), 1, rows}
