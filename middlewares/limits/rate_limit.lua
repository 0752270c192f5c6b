-- Decide many asks at once, each exact over any window (middlewares/limits/deciding.py is the twin).
-- An ask is one or several checks, all or nothing: all are counted, then all are charged.
--
-- KEYS  one for each check, the checks of an ask together, no key twice in one ask: a list of what
--       was admitted, oldest first, each entry "<stamp in us> <count> <admitted up to and with it>";
--       stamps are rounded up to the resolution
-- ARGV  for each ask: how many checks it has, requests that ask;
--       then for each of its checks: limit, window in us, resolution in us, 1 where an admission is
--       charged (0: it is only counted)
-- Returns for each ask {how many of them are admitted, then for each of its checks
--                       remaining after them, us until remaining next grows (text)}

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

-- Of the checks of the ask that is decided, by their number in it.
local limit, window, resolution, charged = {}, {}, {}, {}
local used, first, last, last_count, last_total = {}, {}, {}, {}, {}

local function stamp(i)
  return math.ceil(now / resolution[i]) * resolution[i]
end

local function live_on(i, key)
  redis.call('PEXPIRE', key, integer(math.ceil((window[i] + resolution[i]) / 1000) + 1000))
end

-- Drop what counts no longer, and see how much does.
local function count(i, key)
  local oldest, oldest_count, oldest_total = read(key, 0)
  while oldest and oldest + window[i] <= now do
    redis.call('LPOP', key)
    oldest, oldest_count, oldest_total = read(key, 0)
  end
  used[i], first[i], last[i], last_count[i], last_total[i] = 0, nil, nil, nil, nil
  if not oldest then return end
  local newest, newest_count, newest_total = read(key, -1)
  if not newest then return end
  used[i] = newest_total - oldest_total + oldest_count
  if newest > stamp(i) then
    -- The clock was set back: all of it was admitted before now, so it counts from now on.
    redis.call('DEL', key)
    redis.call('RPUSH', key, entry(stamp(i), used[i], used[i]))
    live_on(i, key)
    oldest, newest, newest_count, newest_total = stamp(i), stamp(i), used[i], used[i]
  end
  first[i], last[i], last_count[i], last_total[i] = oldest, newest, newest_count, newest_total
end

local function charge(i, key, admitted)
  used[i] = used[i] + admitted
  last_total[i] = (last_total[i] or 0) + admitted
  if last[i] == stamp(i) then
    redis.call('LSET', key, -1, entry(last[i], last_count[i] + admitted, last_total[i]))
  else
    redis.call('RPUSH', key, entry(stamp(i), admitted, last_total[i]))
  end
  live_on(i, key)
  first[i] = first[i] or stamp(i)
end

-- When remaining next grows. Where more is used than the limit (it was lowered, or charged afterwards),
-- the first entry's end is not enough: the first is looked for whose end makes room.
local function next_in(i, key)
  if not first[i] then return 0 end
  local grows = first[i]
  if used[i] > limit[i] then
    local low, high = 0, redis.call('LLEN', key) - 1
    while low < high do
      local middle = math.floor((low + high) / 2)
      local _, _, total = read(key, middle)
      if last_total[i] - (total or last_total[i]) < limit[i] then high = middle else low = middle + 1 end
    end
    grows = read(key, low) or grows
  end
  return grows + window[i] - now
end

local answers = {}
local key_at, arg_at = 0, 0
while key_at < #KEYS do
  local checks, asking = tonumber(ARGV[arg_at + 1]), tonumber(ARGV[arg_at + 2])
  arg_at = arg_at + 2
  local admitted = asking
  for i = 1, checks do
    limit[i], window[i] = tonumber(ARGV[arg_at + 1]), tonumber(ARGV[arg_at + 2])
    resolution[i], charged[i] = tonumber(ARGV[arg_at + 3]), ARGV[arg_at + 4] == '1'
    arg_at = arg_at + 4
    count(i, KEYS[key_at + i])
    local room = math.max(0, limit[i] - used[i])
    if charged[i] then
      admitted = math.min(admitted, room)
    elseif room == 0 then
      admitted = 0
    end
  end
  local answer = {admitted}
  for i = 1, checks do
    local key = KEYS[key_at + i]
    if charged[i] and admitted > 0 then charge(i, key, admitted) end
    answer[2 * i] = math.max(0, limit[i] - used[i])
    answer[2 * i + 1] = integer(next_in(i, key))
  end
  key_at = key_at + checks
  answers[#answers + 1] = answer
end
return answers
