"""What happens when processes and servers are killed, paused and cut off: real ones, judged by an oracle of our own."""
