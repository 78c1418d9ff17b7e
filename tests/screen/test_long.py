"""What takes longer: run.py --long, from make check-long."""
from harness import test
from test_leaving import suspend_and_return, terminal_lost


@test
def the_terminal_goes_away_twenty_times(binary):
    for i in range(20):
        terminal_lost(binary, i % 2)


@test
def fifty_suspends(binary):
    suspend_and_return(binary, 50)
