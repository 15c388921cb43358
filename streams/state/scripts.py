"""The scripts that write: each compares the fencing token first.

So a worker that lost its partition without noticing can write nothing (Kleppmann 2016, "How to do
distributed locking").
"""

from __future__ import annotations

from typing import Final

FENCED: Final = "FENCED"

CLAIM: Final = """
local counter = redis.call('HINCRBY', KEYS[1], 'counter', 1)
local token = counter .. '-' .. ARGV[1]
redis.call('HSET', KEYS[1], 'token', token)
return token
"""
"""KEYS: fence. ARGV: a random owner name. Returns the token: counter and owner."""

WRITE: Final = """
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then
  return redis.error_reply('FENCED another worker has claimed this partition')
end
local ttl = ARGV[2]
local prefix = KEYS[2]
local count = tonumber(ARGV[3])
for i = 4, 3 + 2 * count, 2 do
  local key = prefix .. ARGV[i]
  if ARGV[i + 1] == '' then
    redis.call('DEL', key)
  else
    redis.call('SET', key, ARGV[i + 1], 'EX', ttl)
  end
end
local at = 4 + 2 * count
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
return 'OK'
"""
"""One slice of a commit. KEYS: fence, users' prefix, risk, pend, gone, partition record.

ARGV: token, time to live in seconds, number of users, then user and value in turn ('' = delete);
then for each of the three sorted sets the number of entries, then member and score in turn
('' = remove); last the partition record ('' = not in this slice).
"""
