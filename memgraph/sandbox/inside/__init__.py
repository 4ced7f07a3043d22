"""The inner side of the sandbox: standard library only, started as a program of its own by `memgraph.sandbox.run`.

    supervisor ──► tests (own interpreter, own user) ──► program (another one, another user)
                      │   ◄── plain values ──►   │
                      └── the verdict             └── never sees the tests, cannot reach their interpreter

`main` starts the three, `fence` and `seccomp` close the world to them, `values` and `peer` are all that the tests and
the program exchange, `names` says what a name in the tests means.
"""
