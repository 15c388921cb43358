"""The scripts that write: each compares the fencing token and the sequence of writes first.

So a worker that lost its partition without noticing can write nothing (Kleppmann 2016, "How to do
distributed locking"), and one that goes on beside a Redis that has lost writes (killed between
two flushes of its log, restored, failed over to a lagging replica) notices at its next write.
"""

from __future__ import annotations

from typing import Final

FENCED: Final = "FENCED"
BEHIND: Final = "BEHIND"

CLAIM: Final = """
local counter = redis.call('HINCRBY', KEYS[1], 'counter', 1)
local token = counter .. '-' .. ARGV[1]
redis.call('HSET', KEYS[1], 'token', token)
return {token, redis.call('HGET', KEYS[1], 'seq') or '0'}
"""
"""KEYS: fence. ARGV: a random owner name. Returns the token (counter and owner) and the number of
the last write."""

WRITE: Final = """
local fence = redis.call('HMGET', KEYS[1], 'token', 'seq')
if fence[1] ~= ARGV[1] then
  return redis.error_reply('FENCED the fence holds another token than this writer')
end
local seq = tonumber(fence[2] or '0')
if seq < tonumber(ARGV[3]) - 1 then
  return redis.error_reply('BEHIND Redis is at write ' .. seq .. ', before ' .. ARGV[3])
end
local ttl = ARGV[2]
local prefix = KEYS[2]
local count = tonumber(ARGV[4])
for i = 5, 4 + 2 * count, 2 do
  local key = prefix .. ARGV[i]
  if ARGV[i + 1] == '' then
    redis.call('DEL', key)
  else
    redis.call('SET', key, ARGV[i + 1], 'EX', ttl)
  end
end
local at = 5 + 2 * count
for index = 3, 5 do
  local entries = tonumber(ARGV[at])
  for i = at + 1, at + 2 * entries, 2 do
    if ARGV[i + 1] == '' then
      redis.call('ZREM', KEYS[index], ARGV[i])
    else
      redis.call('ZADD', KEYS[index], ARGV[i + 1], ARGV[i])
    end
  end
  at = at + 1 + 2 * entries
end
if ARGV[at] ~= '' then
  redis.call('SET', KEYS[6], ARGV[at], 'EX', ttl)
end
redis.call('HSET', KEYS[1], 'seq', math.max(seq, tonumber(ARGV[3])))
return 'OK'
"""
"""One slice of a commit. KEYS: fence, users' prefix, risk, pend, gone, partition record.

ARGV: token, time to live in seconds, the number of this write, number of users, then user and
value in turn ('' = delete); then for each of the three sorted sets the number of entries, then
member and score in turn ('' = remove); last the partition record ('' = not in this slice).

A write that was done although its answer got lost is simply done again: Redis is then at its
number, or ahead of it where later slices were done too.
"""

HOLDS: Final = """
local fence = redis.call('HMGET', KEYS[1], 'token', 'seq')
if fence[1] ~= ARGV[1] then
  return redis.error_reply('FENCED the fence holds another token than this writer')
end
if tonumber(fence[2] or '0') < tonumber(ARGV[2]) then
  return redis.error_reply('BEHIND Redis is at write ' .. (fence[2] or '0') .. ', not ' .. ARGV[2])
end
if ARGV[3] ~= '' then
  redis.call('HSET', KEYS[1], 'seq', ARGV[3])
end
return 'OK'
"""
"""KEYS: fence. ARGV: token, number of the last write known, number to set ('' = only look)."""
