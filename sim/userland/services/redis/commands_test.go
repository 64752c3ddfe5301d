package redis

import (
	"strings"
	"testing"
)

// Each script is commands and what they answer, in RESP without its line ends, as redis 7.0 answers them.
func TestCommands(t *testing.T) {
	for name, script := range map[string][][2]string{
		"strings": {
			{"SET a 1", "+OK"}, {"INCRBY a 41", ":42"}, {"GET a", "$2 42"}, {"APPEND a x", ":3"}, {"INCR a", "-ERR value is not an integer or out of range"},
			{"SET a 2 NX", "$-1"}, {"SETNX a 2", ":0"}, {"GETRANGE a -2 -1", "$2 2x"}, {"MGET a b", "*2 $3 42x $-1"}, {"GETDEL a", "$3 42x"}, {"EXISTS a", ":0"},
		},
		"lists": {
			{"RPUSH l a b c", ":3"}, {"LPUSH l z", ":4"}, {"LRANGE l 0 -1", "*4 $1 z $1 a $1 b $1 c"}, {"LINDEX l -1", "$1 c"}, {"LPUSHX m a", ":0"},
			{"LPOP l", "$1 z"}, {"RPOP l 5", "*3 $1 c $1 b $1 a"}, {"TYPE l", "+none"}, {"LLEN l", ":0"},
		},
		"hashes": {{"HSET h a 1 b 2", ":2"}, {"HINCRBY h a 4", ":5"}, {"HGETALL h", "*4 $1 a $1 5 $1 b $1 2"}, {"HDEL h a b", ":2"}, {"EXISTS h", ":0"}},
		"sets": {
			{"SADD s a b c", ":3"}, {"SADD r b", ":1"}, {"SDIFF s r", "*2 $1 a $1 c"}, {"SINTER s r", "*1 $1 b"}, {"SUNION s r", "*3 $1 a $1 b $1 c"},
			{"GET s", "-WRONGTYPE Operation against a key holding the wrong kind of value"},
		},
		// REV holds for the one call that has it
		"sorted sets": {
			{"ZADD z 1 a 2 b", ":2"}, {"ZRANGE z 0 -1 REV", "*2 $1 b $1 a"}, {"ZRANGE z 0 -1", "*2 $1 a $1 b"}, {"ZREVRANGE z 0 0 WITHSCORES", "*2 $1 b $1 2"}, {"ZRANK z b", ":1"},
		},
		"wrong use": {
			{"FROB x", "-ERR unknown command 'FROB', with args beginning with: 'x'"}, {"GET", "-ERR wrong number of arguments for 'get' command"}, {"EXEC", "-ERR EXEC without MULTI"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := &client{s: &server{dbs: []database{{}}}}
			for _, step := range script {
				args := strings.Fields(step[0])
				var got strings.Builder
				if f, bad := c.check(args); bad {
					encode(&got, f)
				} else {
					encode(&got, commands[strings.ToLower(args[0])].run(c, args))
				}
				if text := strings.TrimRight(strings.ReplaceAll(got.String(), "\r\n", " "), " "); text != step[1] {
					t.Errorf("%s: %q, want %q", step[0], text, step[1])
				}
			}
		})
	}
}
