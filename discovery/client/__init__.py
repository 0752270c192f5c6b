"""The registry for programs, synchronous and asynchronous."""
