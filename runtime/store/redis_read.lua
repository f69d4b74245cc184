-- READ: what is known of some records of one shard, for the sweeper.
--
-- KEYS  the records
-- ARGV  of each, 'j' if it is a join's
-- Answers, for each key: 0 if there is nothing; 1; or for a join {bits0, bits1, own0, own1,
-- owner is live, passed, waiting0, waiting1}.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local names = {'own0', 'own1', 'bits0', 'bits1', 'expires', 'passed', 'asked'}
for e = 0, 63 do names[#names + 1] = 'w' .. e end

local function waiting(waits, from)
  local set = 0
  for e = 0, 31 do
    local size, ends = string.match(waits[from + e] or '', '(%d+) (%d+)')
    if size and tonumber(size) > 0 and tonumber(ends) > now then
      set = bit.bor(set, bit.lshift(1, e))
    end
  end
  return set
end

local function join(record)
  local r = redis.call('HMGET', record, unpack(names, 1, 7))
  local own0, own1 = tonumber(r[1] or 0), tonumber(r[2] or 0)
  local live = (own0 ~= 0 or own1 ~= 0) and tonumber(r[5] or 0) > now
  local waiting0, waiting1 = 0, 0
  if r[7] then
    local waits = redis.call('HMGET', record, unpack(names, 8))
    waiting0, waiting1 = waiting(waits, 1), waiting(waits, 33)
  end
  return {tonumber(r[3] or 0), tonumber(r[4] or 0), own0, own1, live and 1 or 0, r[6] and 1 or 0,
          waiting0, waiting1}
end

local states = {}
for i, key in ipairs(KEYS) do
  states[i] = redis.call('EXISTS', key)
  if states[i] == 1 and ARGV[i] == 'j' then states[i] = join(key) end
end
return states
