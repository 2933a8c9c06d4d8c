"""Running turns and replays: the queue, the devices, their events, and the service that submits them."""
