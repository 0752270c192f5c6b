-- Decides many asks at once, exactly over any window (middlewares/limits/deciding/counting.py is the twin).
-- An ask has one or several checks, all or nothing: all are counted, then all are charged.
--
-- KEYS  one for each check, the checks of an ask together, no key twice in one ask: a list of what
--       was admitted, oldest first; an entry is "<stamp in us> <count> <total up to this entry>";
--       stamps are rounded up to the resolution
-- ARGV  for each ask: how many checks it has, requests that ask;
--       then for each of its checks: limit, window in us, resolution in us, 1 if an admission is
--       charged (0: it is only counted)
-- Returns for each ask {how many of them are admitted, then for each of its checks
--                       remaining after them, us until remaining next grows (text)}

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

local function integer(number)
  return string.format('%.0f', number)
end

-- Returns stamp, count and total, or nil without an entry. An entry that is not ours, or a key of
-- another type, is deleted: its client's log is lost, but every decision is still made.
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

-- Drops entries that no longer count. Returns how many admissions count, the first stamp, and the last
-- stamp, count and total.
local function count(key, window, resolution, stamp)
  local first, first_count, first_total = read(key, 0)
  while first and first + window <= now do
    redis.call('LPOP', key)
    first, first_count, first_total = read(key, 0)
  end
  if not first then return 0 end
  local last, last_count, last_total = read(key, -1)
  if not last then return 0 end
  local used = last_total - first_total + first_count
  if last > stamp then
    -- The clock was set back: all admissions are older than now, so they count from now on.
    redis.call('DEL', key)
    redis.call('RPUSH', key, entry(stamp, used, used))
    redis.call('PEXPIRE', key, integer(math.ceil((window + resolution) / 1000) + 1000))
    return used, stamp, stamp, used, used
  end
  return used, first, last, last_count, last_total
end

-- Finds when remaining next grows if more is used than the limit, which was lowered or charged after
-- the answer. The end of the first entry makes no room then, so the first entry whose end does is found.
local function grows(key, limit, last_total)
  local low, high = 0, redis.call('LLEN', key) - 1
  while low < high do
    local middle = math.floor((low + high) / 2)
    local _, _, total = read(key, middle)
    if last_total - (total or last_total) < limit then high = middle else low = middle + 1 end
  end
  return (read(key, low))
end

local answers = {}
local key_at, arg_at = 0, 0
local counted = {}
while key_at < #KEYS do
  local checks, asking = tonumber(ARGV[arg_at + 1]), tonumber(ARGV[arg_at + 2])
  local admitted = asking
  for i = 1, checks do
    local at = arg_at + i * 4
    local limit, window, resolution = tonumber(ARGV[at - 1]), tonumber(ARGV[at]), tonumber(ARGV[at + 1])
    local stamp = math.ceil(now / resolution) * resolution
    local check = {limit, window, resolution, stamp, count(KEYS[key_at + i], window, resolution, stamp)}
    local room = limit - check[5]
    if room <= 0 then
      admitted = 0
    elseif room < admitted and ARGV[at + 2] == '1' then
      admitted = room
    end
    counted[i] = check
  end
  local answer = {admitted}
  for i = 1, checks do
    local key, is_charged = KEYS[key_at + i], ARGV[arg_at + i * 4 + 2] == '1'
    local limit, window, resolution, stamp, used, first, last, last_count, last_total = unpack(counted[i], 1, 9)
    if is_charged and admitted > 0 then
      used, last_total = used + admitted, (last_total or 0) + admitted
      if last == stamp then
        redis.call('LSET', key, -1, entry(stamp, last_count + admitted, last_total))
      else
        redis.call('RPUSH', key, entry(stamp, admitted, last_total))
      end
      redis.call('PEXPIRE', key, integer(math.ceil((window + resolution) / 1000) + 1000))
      first = first or stamp
    end
    local next_in = 0
    if first then
      if used > limit then first = grows(key, limit, last_total) or first end
      next_in = first + window - now
    end
    answer[2 * i] = math.max(0, limit - used)
    answer[2 * i + 1] = integer(next_in)
  end
  answers[#answers + 1] = answer
  key_at, arg_at = key_at + checks, arg_at + 2 + checks * 4
end
return answers
