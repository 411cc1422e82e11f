"""
Issues and verifies JSON Web Tokens by PyJWT: `tokens.py KEY`, and a line of

    issue SECONDS [nbf]     a token that is issued now (iat), not to be used before (nbf), and ends then (exp)
    verify LEEWAY TOKEN     "accepted", or why it is not
"""
import sys
import time
import jwt

key = sys.argv[1]


def issue(seconds, *further):
    now = int(time.time())
    return jwt.encode({"iat": now, "exp": now + int(seconds), **dict.fromkeys(further, now)}, key, "HS256")


def verify(leeway, token):
    try:
        jwt.decode(token, key, ["HS256"], leeway=int(leeway))
        return "accepted"
    except jwt.PyJWTError as error:
        return f"{type(error).__name__}: {error}"


for line in sys.stdin:
    command, *words = line.split()
    print({"issue": issue, "verify": verify}[command](*words), flush=True)
