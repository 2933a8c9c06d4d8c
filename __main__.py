from .agent.interfaces.cli.main import main

main()
