-- COUNT: adds to the job's counters, unless it has been removed.
--
-- KEYS  the job
-- ARGV  1 the time to live, 2 a set of counters (bits 0 to 30) of which the largest number counts, 3... the numbers
if redis.call('HEXISTS', KEYS[1], 'status') == 0 then return 0 end
local maxima = tonumber(ARGV[2])
for i = 3, #ARGV do
  local counter, number = i - 3, ARGV[i]
  if counter < 31 and bit.band(maxima, bit.lshift(1, counter)) ~= 0 then
    local before = tonumber(redis.call('HGET', KEYS[1], counter) or 0)
    if tonumber(number) > before then redis.call('HSET', KEYS[1], counter, number) end
  elseif number ~= '0' then
    redis.call('HINCRBY', KEYS[1], counter, number)
  end
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
