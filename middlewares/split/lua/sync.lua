-- Tells what a worker has counted and goes by, and returns the states of its splits with what all have counted.
-- ARGV: 1 worker, 2 its note or '' for the one before, 3 periods of a window; then for each split: id, the id of the section that was in
--       force before it here or '', the revision, since and JSON that the worker goes by, length of a period in
--       ms, the period that it has looked at last, counts as JSON or ''
-- Returns {now, what stands for the last change of any state, then for each split {revision, since, state,
-- evidence}}; evidence is '' where the worker has looked at it since the last period ended
local KEPT_MS = 30 * 86400 * 1000
local FORGOTTEN_AT_ONCE = 10
local worker, note, periods = ARGV[1], ARGV[2], tonumber(ARGV[3])
if note ~= '' then redis.call('HSET', WORKERS, worker, integer(now) .. ' ' .. note) end
local reply = {integer(now), redis.call('HGET', STATES, '') or ''}
for i = 4, #ARGV, 8 do
  local id, from, first, period_ms = ARGV[i], ARGV[i + 1], ARGV[i + 4], tonumber(ARGV[i + 5])
  local known, since_known = tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3])
  local looked_at, counts = tonumber(ARGV[i + 6]), ARGV[i + 7]
  local revision, since, began, state = state_of(id)
  if not revision then
    -- Nobody has had it yet, or the data was lost: it goes on as the worker knows it.
    revision, since, began, state = known, since_known > 0 and since_known or now, now, first
    keep(id, revision, since, began, state)
  elseif from ~= '' then
    local _, _, before = state_of(from)
    if before and began <= before then
      -- The file says again what it said before the other section: it begins anew.
      revision, since, began, state = revision + 1, now, now, first
      keep(id, revision, since, began, state)
    end
  elseif known > revision then
    -- The server has older data than the worker: that of a replica, perhaps.
    revision, since, state = known, since_known, first
    keep(id, revision, since, began, state)
  end
  redis.call('ZADD', USED, integer(now), id)
  local evidence = ''
  local period = math.floor(now / period_ms)
  if counts ~= '' or period > looked_at then
    local found = evidence_of(id, revision, period_ms)
    if counts ~= '' and known == revision then
      local field = id .. ' ' .. integer(period)
      local read, of_period = pcall(cjson.decode, redis.call('HGET', EVIDENCE, field) or '{}')
      if not (read and type(of_period) == 'table') then of_period = {} end
      for name, count in pairs(cjson.decode(counts)) do
        of_period[name] = (of_period[name] or 0) + count
        if not string.match(name, '%d') then found.t[name] = (found.t[name] or 0) + count end
      end
      redis.call('HSET', EVIDENCE, field, cjson.encode(of_period))
      if found.n[#found.n] ~= period then found.n[#found.n + 1] = period end
      while found.n[1] < period - periods do
        redis.call('HDEL', EVIDENCE, id .. ' ' .. integer(table.remove(found.n, 1)))
      end
      redis.call('HSET', EVIDENCE, id, cjson.encode(found))
    end
    if period > looked_at then
      local parts = {}
      for _, one in ipairs(found.n) do
        local kept = redis.call('HGET', EVIDENCE, id .. ' ' .. integer(one))
        if kept then parts[#parts + 1] = '"' .. integer(one) .. '":' .. kept end
      end
      evidence = '{"b":{' .. table.concat(parts, ',') .. '},"t":' .. cjson.encode(found.t) .. '}'
    end
  end
  reply[#reply + 1] = {revision, integer(since), state, evidence}
end
local unused = redis.call('ZRANGEBYSCORE', USED, '-inf', integer(now - KEPT_MS), 'LIMIT', 0, FORGOTTEN_AT_ONCE)
for _, id in ipairs(unused) do
  redis.call('HDEL', STATES, id)
  forget_evidence(id)
  redis.call('ZREM', USED, id)
end
return reply
