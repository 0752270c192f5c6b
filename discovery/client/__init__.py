"""The registry for programs: a synchronous and an asynchronous one."""
