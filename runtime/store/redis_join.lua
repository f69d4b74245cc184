-- ASK and ARRIVE at one record of a join: the rules P3.1 to P3.6 of spec/protocol.md, which
-- runtime/executor/join.c says in C; tests/unit/store_differential.c compares the two.
--
-- KEYS  the shard's mark of a job that has ended, the record
-- ARGV  1 'ask' or 'arrive'; 2, 3 the record's edges; 4, 5 those that arrive; 6 token; 7 recovers;
--       8 wanted; 9 lease; 10 time to live; ask: 11 size, 12 until (from now);
--       arrive: 11... the values of the edges that arrive, from the lowest
-- Sets of edges are two words of 32 bits, the lower first; times are in ms.
--
-- The record is a hash: bits0 bits1; own0 own1 token expires; taken; passed; asked (there may be
-- waits); for each edge e, `e` its value, and `we` its wait: size and end.
--
-- Answers {OWN, taken over, {the values of the other edges, from the lowest}}, {STOP},
-- {NOT, size and edge of the largest other holder}, {POISONED}.
local OWN, STOP, NOT, POISONED = 0, 1, 2, 3
if redis.call('EXISTS', KEYS[1]) == 1 then return {POISONED} end

local bor, band, bnot, tobit = bit.bor, bit.band, bit.bnot, bit.tobit
local record = KEYS[2]
local all0, all1 = tobit(ARGV[2]), tobit(ARGV[3])
local e0, e1 = tobit(ARGV[4]), tobit(ARGV[5])
local token, recovers, wanted = ARGV[6], ARGV[7] == '1', ARGV[8] == '1'
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local r = redis.call('HMGET', record, 'bits0', 'bits1', 'own0', 'own1', 'token', 'expires',
                     'taken', 'passed', 'asked')
local bits0, bits1, own0, own1 = tobit(r[1] or 0), tobit(r[2] or 0), tobit(r[3] or 0), tobit(r[4] or 0)
local owner, expires, taken, passed, asked = r[5], tonumber(r[6] or 0), r[7] == '1', r[8], r[9]

-- The edges of a set, in order, as names of fields.
local function fields(prefix, set0, set1)
  local names, e = {}, 0
  while set0 ~= 0 do
    if band(set0, 1) ~= 0 then names[#names + 1] = prefix .. e end
    set0, e = bit.rshift(set0, 1), e + 1
  end
  e = 32
  while set1 ~= 0 do
    if band(set1, 1) ~= 0 then names[#names + 1] = prefix .. e end
    set1, e = bit.rshift(set1, 1), e + 1
  end
  return names
end

local changes = {}
local function change(field, value)
  changes[#changes + 1] = field
  changes[#changes + 1] = value
end
local function write()
  redis.call('HSET', record, unpack(changes))
  redis.call('PEXPIRE', record, ARGV[10])
end

local owned = own0 ~= 0 or own1 ~= 0
-- P3.1: the owner did not need these edges of us.
if owned and band(e0, own0) == 0 and band(e1, own1) == 0 then return {STOP} end
-- P3.2: the owner is at work, or a retry of its start will be.
if owned and expires > now and owner ~= token and not recovers then return {STOP} end
-- P3.3: all is done; but the sweeper knows better.
if passed and not wanted then return {STOP} end
local complete = bor(bits0, e0) == all0 and bor(bits1, e1) == all1
-- P3.4: the owner died with an edge that nobody stored.
if owned and not complete then
  change('own0', 0)
  change('own1', 0)
end
-- P3.5: the last owns the join, and sets no bit.
if complete then
  taken = taken or (owner and owner ~= '0' and owner ~= token)
  change('own0', e0)
  change('own1', e1)
  change('token', token)
  change('expires', now + ARGV[9])
  change('taken', taken and 1 or 0)
  write()
  local others = fields('', band(all0, bnot(e0)), band(all1, bnot(e1)))
  local values = #others > 0 and redis.call('HMGET', record, unpack(others)) or {}
  return {OWN, taken and 1 or 0, values}
end
-- P3.6: the values are stored, and the waits of these edges are over.
if ARGV[1] == 'arrive' then
  change('bits0', bor(bits0, e0))
  change('bits1', bor(bits1, e1))
  for i, edge in ipairs(fields('', e0, e1)) do change(edge, ARGV[10 + i]) end
  if asked then redis.call('HDEL', record, unpack(fields('w', e0, e1))) end
  write()
  return {NOT, 0, 0}
end
-- Asked: these edges wait, and hear of the largest that waits beside them, by size, then edge.
for _, wait in ipairs(fields('w', e0, e1)) do change(wait, ARGV[11] .. ' ' .. now + ARGV[12]) end
change('asked', 1)
write()
local largest, edge = 0, 0
local others = fields('w', band(all0, bnot(e0)), band(all1, bnot(e1)))
if asked and #others > 0 then
  for i, wait in ipairs(redis.call('HMGET', record, unpack(others))) do
    local size, ends = string.match(wait or '', '(%d+) (%d+)')
    if size and tonumber(ends) > now and tonumber(size) >= largest then
      largest, edge = tonumber(size), tonumber(string.sub(others[i], 2))
    end
  end
end
return {NOT, largest, edge}
