"""CodeBLEU: n-grams, keywords, syntax trees and data flow of code compared with a reference."""
