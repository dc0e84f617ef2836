"""Do two recordings coincide, wherever they come from?"""
