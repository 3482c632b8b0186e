"""The transaction engine: accepted transactions get a nonce, are signed, stored, sent, tracked and finished.

    asking     what is asked of the chain before a commit        purses     the funds rows behind transactions
    sends      T0: a user's transaction                          payments   T0: a settlement's payment
    signer     keys and signatures                               changes    what follows of any change, in one commit
    dispatch   T1 + T2: nonces and signed bytes of a lane        broadcast  stored bytes to the nodes, T3
    replace    T4: bumps, no-ops                                 track      T5, T6, T7, finality
    lanes      T8: what the chain says of a lane                 tick       one pass over a chain: all of the above

Nothing here asks a node, signs or reads a clock inside a transaction body. Messages are hints; every step can be
done by any process at any time, because what it rests on is compared in the commit that writes it.
"""
