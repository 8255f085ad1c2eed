"""A process that is forked while threads answer answers, too."""

import subprocess
import sys
import textwrap

FORKING = """
    import os, signal, sys
    from contextlib import ExitStack
    from threading import Event, Thread
    from graphdb import locking
    from graphrec import Filters, Recommender

    recommender = Recommender.open(sys.argv[1])
    expected = recommender.products_for_user("ann").ids
    held, done = Event(), Event()

    def be_in_the_middle():
        with ExitStack() as inside:
            for lock in tuple(locking._LOCKS):
                inside.enter_context(lock)
            held.set()
            done.wait()

    thread = Thread(target=be_in_the_middle)
    thread.start()
    held.wait()
    child = os.fork()
    if not child:
        signal.alarm(20)  # ends a child that hangs
        answers = recommender.products_for_user("ann"), recommender.similar("Product", "p1")
        recommender.users_for_brand("acme", filters=Filters(properties={"city": "Graz"}))
        os._exit(0 if all(answers) and answers[0].ids == expected else 1)
    end = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    done.set()
    thread.join()
    assert recommender.products_for_user("ann").ids == expected
    print(len(locking._LOCKS) > 10, end)
"""


def test_a_child_answers_whatever_other_threads_were_in_the_middle_of(world_path):
    code = textwrap.dedent(FORKING)
    done = subprocess.run(
        [sys.executable, "-c", code, str(world_path)], capture_output=True, text=True, timeout=100
    )
    assert done.stdout == "True 0\n", done.stderr
