from .agent.interfaces.cli import main

main()
