-- Decide many rate limit checks at once, each exact over any window (middlewares/limiting.py is the twin).
--
-- KEYS  one for each check: a list of the client's admissions, oldest first, each entry
--       "<stamp in us> <count> <admissions up to and with it>"; stamps are rounded up to the resolution
-- ARGV  for each check: requests that ask, limit, window in us, resolution in us
-- Returns for each check {how many of them are admitted, remaining after them,
--                         us until remaining next grows (text)}

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

local function integer(number)
  return string.format('%.0f', number)
end

-- stamp, count, total; nil where there is no entry. One that is not ours, or a key of another type,
-- costs its client the log, and nobody else the decision.
local function read(key, index)
  local entry = redis.pcall('LINDEX', key, index)
  if not entry then return nil end
  local stamp, count, total = string.match(type(entry) == 'string' and entry or '',
    '^(%d+) (%d+) (%d+)$')
  if stamp and #stamp <= 16 and #count <= 15 and #total <= 15 then
    return tonumber(stamp), tonumber(count), tonumber(total)
  end
  redis.call('DEL', key)
end

local function entry(stamp, count, total)
  return integer(stamp) .. ' ' .. integer(count) .. ' ' .. integer(total)
end

local decisions = {}
for i, key in ipairs(KEYS) do
  local asking = tonumber(ARGV[i * 4 - 3])
  local limit = tonumber(ARGV[i * 4 - 2])
  local window = tonumber(ARGV[i * 4 - 1])
  local resolution = tonumber(ARGV[i * 4])
  local stamp = math.ceil(now / resolution) * resolution

  local first, first_count, first_total = read(key, 0)
  while first and first + window <= now do
    redis.call('LPOP', key)
    first, first_count, first_total = read(key, 0)
  end
  local last, last_count, last_total
  local used = 0
  if first then
    last, last_count, last_total = read(key, -1)
    if not last then first = nil end
  end
  if first then
    used = last_total - first_total + first_count
    if last > stamp then
      -- The clock was set back: all of it was admitted before now, so it counts from now on.
      redis.call('DEL', key)
      redis.call('RPUSH', key, entry(stamp, used, used))
      redis.call('PEXPIRE', key, integer(math.ceil((window + resolution) / 1000) + 1000))
      first, last, last_count, last_total = stamp, stamp, used, used
    end
  end

  local admitted = math.min(asking, math.max(0, limit - used))
  if admitted > 0 then
    used = used + admitted
    if last == stamp then
      redis.call('LSET', key, -1, entry(stamp, last_count + admitted, last_total + admitted))
    else
      redis.call('RPUSH', key, entry(stamp, admitted, (last_total or 0) + admitted))
    end
    redis.call('PEXPIRE', key, integer(math.ceil((window + resolution) / 1000) + 1000))
    first = first or stamp
  end

  local next_in = 0
  if first then next_in = first + window - now end
  decisions[i] = {admitted, math.max(0, limit - used), integer(next_in)}
end
return decisions
