"""Is a bundle what it says, and does a backend compute what the bundle is?"""
