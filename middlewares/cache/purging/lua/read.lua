-- What was purged since a revision. It also notes, every now and then, that the worker follows the log.
-- ARGV: 2 worker, 3 the epoch that it knows, 4 its revision, 5 most records, 6 how often it is noted, ms,
--       7 '1' if it wants to know which server this is
-- Returns {epoch, rev, 1, {{rev, purges, worker, awaited}, …}, server};
--         {epoch, rev, 0, {}, server} if the log does not go on from what the worker knows
local worker, known, since, most, every_ms = ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
-- A server that is full, or takes no writes, is still read.
local noted_ms = tonumber(redis.call('ZSCORE', FOLLOWERS, worker) or '') or 0
if math.abs(now - noted_ms) >= every_ms then redis.pcall('ZADD', FOLLOWERS, integer(now), worker) end
if redis.call('HEXISTS', META, 'epoch') == 0 then redis.pcall('HSETNX', META, 'epoch', ARGV[1]) end
local server = ''
if ARGV[7] == '1' then
  -- Another process may have lost what this one had written last.
  local info = redis.pcall('INFO', 'server')
  server = type(info) == 'string' and string.match(info, 'run_id:(%x+)') or ''
end
local epoch, rev = redis.call('HGET', META, 'epoch') or '', number_of('rev')
local follows = known == epoch and since <= rev and number_of('trimmed') <= since
local rows = {}
if follows and since < rev then
  local found = redis.call('XRANGE', LOG, integer(since + 1), '+', 'COUNT', most)
  for i, row in ipairs(found) do
    rows[i] = {string.match(row[1], '^%d+'), row[2][2], row[2][4], row[2][6]}
  end
  follows = #rows > 0
end
return {epoch, integer(rev), follows and 1 or 0, rows, server}
