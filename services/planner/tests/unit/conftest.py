"""Property tests have no deadline here: a busy machine is no fault of the rules."""

from hypothesis import settings

settings.register_profile("without-deadline", deadline=None)
settings.load_profile("without-deadline")
