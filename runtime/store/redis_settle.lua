-- SETTLE: sets the job's status if it is running; the first to set it counts (spec/protocol.md,
-- P4.11). The marks in the shards follow.
--
-- KEYS  the job
-- ARGV  1 the time to live, 2 the status, 3 the outcome
-- Answers the status that stands.
local status = redis.call('HGET', KEYS[1], 'status')
if status ~= '1' then return tonumber(status or 0) end
redis.call('HSET', KEYS[1], 'status', ARGV[2], 'outcome', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return tonumber(ARGV[2])
