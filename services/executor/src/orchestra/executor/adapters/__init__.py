"""Where the executor meets the operating system, files and stores."""
