"""What sets Pitstop up, starts, tests and checks it. Nothing here runs inside the product."""
