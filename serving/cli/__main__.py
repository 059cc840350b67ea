"""`python -m serving.cli`: the command line where the `vouch` script is not on the path."""

from serving.cli import main

main()
