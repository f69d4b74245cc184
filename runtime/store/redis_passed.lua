-- PASSED: marks joins of one shard as passed (spec/protocol.md, P4.9). Who ran a join has owned it, so
-- a record that is not there was removed with its job, and stays away.
--
-- KEYS  the records
-- ARGV  1 the time to live
for _, record in ipairs(KEYS) do
  if redis.call('EXISTS', record) == 1 then
    redis.call('HSET', record, 'passed', 1)
    redis.call('PEXPIRE', record, ARGV[1])
  end
end
return 1
