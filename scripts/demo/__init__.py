"""The parts of `scripts.train_demo` and `scripts.demo_files`, which leave to it what a demo is."""
