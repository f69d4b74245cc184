-- COUNT: adds to the job's counters, unless it has been removed.
--
-- KEYS  the job
-- ARGV  1 the time to live, 2... the numbers
if redis.call('HEXISTS', KEYS[1], 'status') == 0 then return 0 end
for i = 2, #ARGV do
  if ARGV[i] ~= '0' then redis.call('HINCRBY', KEYS[1], i - 2, ARGV[i]) end
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
