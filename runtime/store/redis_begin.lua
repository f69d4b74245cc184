-- BEGIN: creates the job, unless it is there; a repetition finds its own description.
--
-- KEYS  the job
-- ARGV  1 the time to live, 2 the description
-- Answers 1, or 0 if the name is taken.
if redis.call('HEXISTS', KEYS[1], 'status') == 1 then
  return redis.call('HGET', KEYS[1], 'description') == ARGV[2] and 1 or 0
end
local time = redis.call('TIME')
redis.call('HSET', KEYS[1], 'status', 1, 'description', ARGV[2],
           'begun', time[1] * 1000 + math.floor(time[2] / 1000))
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
