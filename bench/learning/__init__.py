"""The bench of truth: is an online learner as good as a batch learner, and what does it cost?"""
